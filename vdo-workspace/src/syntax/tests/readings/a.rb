# frozen_string_literal: true

require 'json'
require_relative "near"
autoload :Later, 'later'

# Builds sites.
module Site
  LIMIT = 3

  # Reads pages. And more.
  class Reader < Base
    include Comparable
    attr_reader :pages

    # Makes one.
    def initialize(pages, limit: LIMIT)
      @pages = pages
      require 'inner'
    end

    def self.open(path)
      text = File.read(path)
      new(parse(text))
    end

    def empty? = @pages.empty?

    class << self
      def inside; end
    end

    private def hidden(x)
      x.each { |item| render(item) }
    end
  end
end
