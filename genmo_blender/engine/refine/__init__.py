"""What is done to a motion after the network: contacts, inverse kinematics, the delivered clean-up."""
