"""The process that siftnet is a guest of: what a script has set, forks, and where compiled code may be kept."""
