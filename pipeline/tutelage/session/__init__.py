"""One command's work on a run: what it needs, keeps and writes, and knows no Beam for.

admission         may this folder be used; `run.json`
provenance        digests of templates, weights and columns
runtime           what one process holds: engines, verifier pool, replay cache
serving           the vLLM servers of this machine, for all its worker processes
machine           the same where no process is the first or the last: workers of a cluster
survey            which rows of the input repeat each other, and whether it is the same input
circuit_breaker   stops a run in which too much fails
shutdown          the request to stop, and how it spreads
telemetry         heartbeats of workers, added up
spool, plan       what publishing knows of the rows; which row goes into which shard
card              the README of a run
"""
