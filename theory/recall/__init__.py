"""Linear and bounded-update loops with recall, without outer normalisation: R1, R2."""
