"""What lies on disks: recordings, image files, the dataset format, calibrations."""
