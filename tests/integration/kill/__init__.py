"""kill -9 under load: healer dies at every dangerous instruction, and its promises hold by what others counted."""
