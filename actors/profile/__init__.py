"""What is known of a user beside his money: facts that others tell us, each as it was last said."""
