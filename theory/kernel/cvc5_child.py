"""The program of the child process that runs cvc5: one script per line in, one answer per line out.

It imports cvc5 and the standard library only, so that it starts fast.
"""

import sys
from importlib import import_module
from typing import Any

cvc5: Any = import_module("cvc5")  # a compiled module without stubs


def answer(script: str) -> str:
    """What cvc5 says to a script in SMT-LIB whose last command is `(check-sat)`."""
    terms = cvc5.TermManager()
    solver = cvc5.Solver(terms)
    symbols = cvc5.SymbolManager(terms)
    parser = cvc5.InputParser(solver, symbols)
    parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, script, "sentence")
    said = ""
    while not (command := parser.nextCommand()).isNull():
        said = command.invoke(solver, symbols).strip() or said
    return said


if __name__ == "__main__":
    for line in sys.stdin:
        print(answer(line), flush=True)
