"""What a session of a run needs, keeps and writes, as far as it does not depend on Beam.

admission         whether a folder may be used; `run.json`
provenance        digests of templates, weights and columns
runtime           what one process holds: engines, verifier pool, replay cache
serving           the vLLM servers of this machine, for all its worker processes
machine           the same on a worker of a cluster, whose processes start and end in any order
survey            repeated rows of the input, and whether it is the same input as before
circuit_breaker   stops a run in which too much fails
shutdown          the request to stop, and how it spreads
telemetry         the workers' heartbeats, added up
estimate          what a run will take; with `shard_sizes`
spool, plan       the facts that publishing uses; which row goes into which shard
card              the README of a run
"""
