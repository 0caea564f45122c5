"""From measured runs to one page and one picture."""

from siftnet.report.mosaic import mask_mosaic
from siftnet.report.page import build_report
from siftnet.report.spread_page import build_spread_report

__all__ = ["build_report", "build_spread_report", "mask_mosaic"]
