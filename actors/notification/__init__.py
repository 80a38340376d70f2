"""What users are told: facts become texts."""
