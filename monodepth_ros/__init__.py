"""The robot side: metric depth from the images of single cameras. It imports no torch."""

import os

# A png of a few bytes can state a size of gigabytes. OpenCV reads this limit when it is first
# imported; its own limit is 16 times as large.
os.environ.setdefault('OPENCV_IO_MAX_IMAGE_PIXELS', str(2**26))
