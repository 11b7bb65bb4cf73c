"""What a network costs, for people and as JSON, and the budgets that an author set."""

from tnc.report.budgets import broken_budgets as broken_budgets
from tnc.report.build import report_network as report_network
from tnc.report.explain import Explanation as Explanation
from tnc.report.explain import NetworkExplanation as NetworkExplanation
from tnc.report.model import Elsewhere as Elsewhere
from tnc.report.model import NetworkReport as NetworkReport
from tnc.report.model import OutputRow as OutputRow
from tnc.report.regions import RegionRow as RegionRow
from tnc.report.report import Report as Report
from tnc.report.step_time import Unpredicted as Unpredicted
from tnc.report.step_time import step_times as step_times
