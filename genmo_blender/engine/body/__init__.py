"""Bodies: kinematics and skinning in torch, the free body and the licensed SMPL-X one."""
