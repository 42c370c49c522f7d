// A library with "ssl" in its name that is none, for image_test.cpp to load and unload.

extern "C" int passing_ssl() {
  return 0;
}
