"""Meaning of words in three ways: a thesaurus, counting, predicting; and one object that answers questions."""
