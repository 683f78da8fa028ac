"""Runs programs that nobody trusts, and the tests of them where the programs cannot reach.

The life of one judged program: `verifiers.code` hands its text and its tests to a `sandbox.Sandbox`,
which starts a server (`jail`) that knows neither. For each job that server forks a process which
builds walls (`confine`) and forks another one. The lower one is the program's (`program_server`), and
gives up all rights before it reads a word; the upper one then reads the tests (`test_source`), gives
up its own and runs them (`test_runner`), those of its forms by pytest itself (`test_session`).

Between the two is a pipe with an `endpoint` at either end, for the tests the `client`. They have the
program loaded, call what it defines, and compare here what came out. Plain values cross as copies
(`plain`, `values`); functions, classes and objects stay where they are, and the other side gets a
`proxy`, which asks over the pipe. So the program holds no word of the tests, and brings nothing to the
side that compares. A whole program, which reads and prints, has no tests beside it: the server
compares nothing, it returns the output.

Nothing here judges a message or knows a gold: `verifiers.code` finds the program, and says what a
result means.
"""
