"""The release's own training (spec 7): its two passes on the SMPL-X body with its losses and its conditions."""
