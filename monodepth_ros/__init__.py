"""The robot side: one camera's topic in, metric depth out. Imports no torch, ever."""

import os

# A few bytes of a png can ask for gigabytes. OpenCV reads this when it is first imported; its
# own limit is 16 times as large.
os.environ.setdefault('OPENCV_IO_MAX_IMAGE_PIXELS', str(2**26))
