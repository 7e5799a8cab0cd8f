"""Claims about looped networks, their machine-checked proofs, and what they predict."""
