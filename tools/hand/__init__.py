"""What issue 9 asks of the animator's hand, as figures beside their bars: `build.py bench --hand PACK`."""
