"""Runs programs that nobody trusts, and the tests of them where the programs cannot reach.

    sandbox                 from outside: starts the server, sends jobs, tries out the walls
    jail, confine           from inside: the server and its processes; what they give up for good
    test_runner             runs the tests of a program and counts what holds
    test_source             what of a test is run, and what it counts as
    proxy                   stands for the program's functions and objects beside the tests
    program_server, wire    the program in a process of its own; what goes between the two

It judges no message and knows no gold: `verifiers.code` finds the program, and says
what a result means.
"""
