"""The pictures of the built-in sample catalogue: a studio, and the things that are drawn in it."""
