"""What a trained model writes: new text, and the next words as one types."""
