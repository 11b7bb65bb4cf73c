"""Program and Schedule: the two intermediate representations, their texts, digests and verifiers."""

from tnc.ir.digest import digest as digest
from tnc.ir.graph import graph as graph
from tnc.ir.graph import graph_text as graph_text
from tnc.ir.program_text import program_text as program_text
from tnc.ir.program_verify import verify_program as verify_program
from tnc.ir.schedule_text import schedule_digest as schedule_digest
from tnc.ir.schedule_text import schedule_text as schedule_text
from tnc.ir.schedule_verify import verify_schedule as verify_schedule
from tnc.ir.stacks import stacks as stacks
