"""Formulas that say how well a selection of leads separates those with an outcome from those without: counts in, shares out."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from math import exp, log, sqrt
from typing import NamedTuple

ABOUT_ONE = (0.8, 1.25)
"""A lift in here is about 1."""

ABOUT_EVEN = (0.5, 2.0)
"""So is a relative risk in here."""

ENOUGH = 5
"""How many leads with the outcome chance would have to give a rule before its lift says anything."""

_Z = 1.959964  # the 97.5th percentile of the normal distribution


class Verdict(StrEnum):
    """What a rule is worth for an outcome."""

    HELPS = "helps"
    MISLEADS = "misleads"
    USELESS = "useless"
    NEVER_FIRES = "never-fires"
    UNCERTAIN = "uncertain"


class Quality(NamedTuple):
    """How a selection of leads compares with all leads.

    Attributes:
        leads: how many were selected.
        with_outcome: how many of them had the outcome.
        precision: the share of the selected that had it; None when nothing was selected.
        recall: the share of those that had it that was selected; None when nobody had it.
        lift: precision against the share of all leads that had it.
    """

    leads: int
    with_outcome: int
    precision: float | None
    recall: float | None
    lift: float | None


def measure(selected: int, selected_with: int, leads: int, with_outcome: int) -> Quality:
    """Compare a selection of leads with all leads.

    Precision and recall as in C. J. van Rijsbergen, "Information Retrieval" (1979), chapter 7; lift is precision against
    the share of all leads that had the outcome, as S. Brin et al. call "interest" (SIGMOD 1997).

    Args:
        selected: how many were selected.
        selected_with: how many of them had the outcome.
        leads: how many there are.
        with_outcome: how many of all had it.
    """
    precision = selected_with / selected if selected else None
    recall = selected_with / with_outcome if with_outcome else None
    lift = None if precision is None or not with_outcome else precision * leads / with_outcome
    return Quality(selected, selected_with, precision, recall, lift)


def average_precision(leads: Mapping[int, int], with_outcome: Mapping[int, int], all_with: int) -> float:
    """Return the precision averaged over recall, from the highest threshold down: the sum of (R_n − R_n−1) × P_n.

    C. D. Manning, P. Raghavan, H. Schütze, "Introduction to Information Retrieval" (2008), section 8.4. Leads that reached
    the same points are one step; leads with the outcome that no threshold finds add nothing.

    Args:
        leads: how many leads reached each number of hundredths of points.
        with_outcome: how many of them had the outcome.
        all_with: how many leads had the outcome, found or not.

    Returns:
        0 to 1; 1 when every lead with the outcome is above every lead without.
    """
    total, found, found_with = 0.0, 0, 0
    for reached in sorted(leads, reverse=True):
        found += leads[reached]
        had = with_outcome.get(reached, 0)
        found_with += had
        total += had * found_with / found
    return total / all_with if all_with else 0.0


def judge(quality: Quality, leads: int, with_outcome: int, points: float) -> Verdict:
    """Say what a rule is worth, by the leads it fired for.

    It separates when the 95 % interval of the relative risk leaves out 1. If not, it is useless when its lift is about 1 and
    it fired for enough leads to tell, as counted by W. G. Cochran, "Some methods for strengthening the common χ² tests",
    Biometrics 10 (1954); else nothing can be said of it yet.

    Args:
        quality: of the leads it fired for.
        leads: how many there are.
        with_outcome: how many of all had the outcome.
        points: that it gives; a rule that takes points should fire for leads without the outcome.
    """
    if quality.leads == 0:
        return Verdict.NEVER_FIRES
    low, high = relative_risk(quality.with_outcome, quality.leads, with_outcome, leads)
    if low > 1.0 or high < 1.0:
        return Verdict.HELPS if (low > 1.0) == (points > 0) else Verdict.MISLEADS
    is_enough = quality.leads * with_outcome >= ENOUGH * leads
    is_about_one = quality.lift is not None and ABOUT_ONE[0] <= quality.lift <= ABOUT_ONE[1]
    # A rule that fires for nearly all leads has no other lift than about 1, but may well leave out the right ones.
    is_even = quality.leads == leads or ABOUT_EVEN[0] <= sqrt(low * high) <= ABOUT_EVEN[1]
    return Verdict.USELESS if is_enough and is_about_one and is_even else Verdict.UNCERTAIN


def relative_risk(fired_with: int, fired: int, with_outcome: int, leads: int) -> tuple[float, float]:
    """Return the 95 % interval of the ratio of two shares: of leads with the outcome, where a rule fired and where not.

    D. Katz et al., "Obtaining confidence intervals for the risk ratio in cohort studies", Biometrics 34 (1978); each of the
    four counts half a lead more, so that none is zero.
    """
    a, b = fired_with + 0.5, fired - fired_with + 0.5
    c, d = with_outcome - fired_with + 0.5, leads - fired - (with_outcome - fired_with) + 0.5
    ratio = log((a / (a + b)) / (c / (c + d)))
    error = sqrt(1 / a - 1 / (a + b) + 1 / c - 1 / (c + d))
    return exp(ratio - _Z * error), exp(ratio + _Z * error)
