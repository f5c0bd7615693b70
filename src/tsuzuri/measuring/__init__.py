"""How well a trained model predicts a text, alone, adapting to it or beside others."""
