"""One page for every code of the catalogue, as data: ``tnc help TN201`` prints ``TN201.md``."""
