"""Diagnostics: values, the catalogue of codes, and renderers."""

from tnc.diagnostics.diagnostic import CompileError as CompileError
from tnc.diagnostics.diagnostic import Diagnostic as Diagnostic
from tnc.diagnostics.diagnostic import InternalError as InternalError
from tnc.diagnostics.diagnostic import Label as Label
from tnc.diagnostics.diagnostic import Severity as Severity
