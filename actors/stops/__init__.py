"""Stop buttons: what an operator has stopped, told to every segment."""
