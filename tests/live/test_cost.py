# SPDX-License-Identifier: Apache-2.0
"""callerd makes no more work of a request than when this was last measured (`make bench`): counts that do not depend on what else the
machine does."""
import cost
from live import *

SLACK = 1.3  # what a change may add without measuring anew


@test
def no_more_than_landed():
    with open(cost.LANDED) as file:
        landed = json.load(file)
    counted = cost.measure()
    equal(set(counted), set(landed), 'what is counted')
    more = {name: f'{value:.1f}, and {landed[name]:.1f} when it was landed' for name, value in counted.items() if value > landed[name] * SLACK}
    equal(more, {}, 'counts; if they are meant: tests/bench/run counts')


main()
