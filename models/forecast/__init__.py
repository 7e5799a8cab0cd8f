"""What trained loops will do, predicted before it is measured, and how the predictions fared."""
