"""Runs programs that nobody trusts, and the tests of them where the programs cannot reach.

    sandbox                 from outside: starts the server, sends jobs, tries out the walls
    jail, confine           from inside: the server and its processes; what they give up for good
    test_runner             runs the tests of a program and counts what holds
    test_source, asserts    what of a test is run, and what it counts as
    stand_ins               what tests use of pytest and numpy, which are not there
    program_server          the program in a process of its own
    endpoint                either end of the pipe between these: what may be asked of the other
    remote                  stand-ins for objects of the other side
    values, plain           how values cross: what Python itself has, and all else

It judges no message and knows no gold: `verifiers.code` finds the program, and says
what a result means.
"""
