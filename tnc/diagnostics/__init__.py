"""Diagnostics: values, the catalogue of codes, and renderers."""

from tnc.diagnostics.catalogue import CATALOGUE as CATALOGUE
from tnc.diagnostics.consequences import without_consequences as without_consequences
from tnc.diagnostics.diagnostic import CompileError as CompileError
from tnc.diagnostics.diagnostic import Diagnostic as Diagnostic
from tnc.diagnostics.diagnostic import InternalError as InternalError
from tnc.diagnostics.diagnostic import Label as Label
from tnc.diagnostics.diagnostic import Severity as Severity
from tnc.diagnostics.diagnostic import has_errors as has_errors
from tnc.diagnostics.levels import LINTS as LINTS
from tnc.diagnostics.levels import Allowance as Allowance
from tnc.diagnostics.levels import LintLevels as LintLevels
from tnc.diagnostics.render_json import diagnostics_to_json as diagnostics_to_json
from tnc.diagnostics.render_sarif import diagnostics_to_sarif as diagnostics_to_sarif
from tnc.diagnostics.render_text import render as render
from tnc.diagnostics.render_text import render_diagnostics as render_diagnostics
from tnc.diagnostics.render_text import summary as summary
