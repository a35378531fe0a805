"""Sources of stereo pairs and ground truths: pair folders and public data sets."""
