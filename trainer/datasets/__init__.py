"""Where pairs and truths come from: pair folders and the trees of public data sets."""
