"""Ground floor: what is heard in a sound, for both engines: wav files, features of music, its beats. numpy only."""
