"""How good a motion is: error metrics, and what a prompt must do."""
