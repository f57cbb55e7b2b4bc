"""What happens to a generation, from its place in line to its end.

`dispatch` claims the next generation. `execution` sends it, polls it, and fetches and labels its
images. `lifecycle` changes its status. `worker` runs these steps, and `recovery` frees what a dead
worker had claimed. No module here knows who asked for an image, or what a page shows.
"""
