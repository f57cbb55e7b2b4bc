"""The visible label: its words, presets, icon, size and place, and how it is drawn."""
