"""What keeps the class alive while the subject is learned: each answer is one class behind the protocol of `base`."""
