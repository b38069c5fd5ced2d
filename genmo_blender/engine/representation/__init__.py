"""The motion's representation: rotations, the 151-D code, the gravity-view frame, roll-out and camera geometry."""
