"""Cloud Storage and Dataflow on this machine, as far as their clients ask: `storage`, `dataflow`.

Both speak the true protocols over loopback, so that what is tested is what Beam's and Arrow's own
clients do, and not what a kinder stand-in would put up with.
"""
