"""The bundled model in numpy: what Blender's own Python can run in a child process, with nothing installed."""
