"""Where every byte of a process's physical memory is, as code, data, heap and stack."""
