"""The story of a run, and of one of its images, as their records tell it.

What these pages show comes from records and their payloads. Rows are read for three things only:
to find the labelled files that are shown, to say what was changed outside the studio, and for a
name that is on no record. Opening a page is itself recorded.
"""

from generations.reading.story.images import ImageStory, image_story
from generations.reading.story.runs import RunStory, run_story

__all__ = ["ImageStory", "RunStory", "image_story", "run_story"]
