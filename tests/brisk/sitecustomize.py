"""Found first by the processes of vLLM's tests (`resident.brisk`): garbage is looked for rarely.

vLLM's server is three processes that each import it; up to a quarter of that time is the collector's.
"""

import gc

gc.set_threshold(100_000, 50, 100)
