"""The engine of attacks: suites, the search for counterexamples, verdicts, and their files."""
