"""Files on disk: recordings, image files, the dataset format, calibrations."""
