"""What operators do, as functions of explicit objects: no context, no reports."""
