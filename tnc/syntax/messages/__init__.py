"""What to say about a token that cannot stand where it does.

Rules, each for one slip that people make; the first that knows the case answers. Where none does,
the message says what was expected, in words, and what was found.
"""

from tnc.syntax.messages.explain import explain as explain
from tnc.syntax.messages.failure import Failure as Failure
from tnc.syntax.messages.failure import Repair as Repair
