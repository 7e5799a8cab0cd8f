"""The attack engine: suites, the search for counterexamples, verdicts, and their files."""
