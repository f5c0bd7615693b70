"""tsuzuri: neural language processing from scratch."""
__version__ = "0.1.0"
