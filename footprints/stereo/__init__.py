"""Finding stereo: from views and their footprints to pairs, triplets and larger sets, and the numbers of each."""
