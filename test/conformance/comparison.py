"""What test/conformance/cpython and test/conformance/run make of the outcomes without and with ostrust."""
AGAIN = 2  # how often both sides run once more where they differ


def process_of(unit):
    """The case that there is if the process did not end well."""
    return "the process of " + unit


def judge(rounds, unit):
    """(differences, unstable), lines of text. `rounds`: pairs of {case: outcome}, stock's and ostrust's.
    A case is unstable if stock itself gives different answers, or if ostrust's differed in one round of three only."""
    differences, unstable = [], []
    for case in sorted(set().union(*(side for both in rounds for side in both))):
        stock, ours = ([both[side].get(case, "absent") for both in rounds] for side in (0, 1))
        # What never ends well proves nothing, even if it does so on both sides.
        if stock == ours and len(set(stock)) == 1 and case != process_of(unit):
            continue
        text = "%s\n    stock: %s\n    ostrust: %s" % (case, "; ".join(stock), "; ".join(ours))
        same = sum(one in stock for one in ours)
        is_unstable = len(set(stock)) > 1 or same == len(ours) - 1
        (unstable if is_unstable else differences).append(text)
    return differences, unstable
