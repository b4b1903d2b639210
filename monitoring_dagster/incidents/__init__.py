"""What is open: verdicts grouped by cause, from the first that counts to the last.

Which verdicts there are is decided in `decisions`; who is told of an incident, and how, in
`notifications`. Everything here but `desk`, `rows` and `samples` is a pure function of its
arguments.
"""
